/**
 * The things that the emoji tasks speak of: short name in emoji-datasource → noun, by category.
 *
 * Of 1,911 pictures these are used because a tiny model can learn them: one thing in the picture, told apart at
 * 17 pixels, with a common countable noun of one word. Left out are people, flags, symbols, clock faces, smileys (their
 * names are sentences) and variants of the same thing (full moon, waning moon, …).
 */

export const CATEGORIES = {
  animal:
    'dog cat mouse cow tiger rabbit horse monkey_face=monkey pig hamster wolf bear panda_face=panda lion_face=lion ' +
    'unicorn_face=unicorn fox_face=fox frog koala chicken penguin elephant camel giraffe_face=giraffe ' +
    'zebra_face=zebra bat owl duck eagle turtle snake crocodile whale dolphin fish octopus shark crab snail ' +
    'butterfly bee ant spider sheep goat hedgehog',
  fruit:
    'apple pear banana lemon tangerine=orange watermelon strawberry peach pineapple coconut kiwifruit=kiwi mango melon ' +
    'cherries=cherry',
  vegetable: 'carrot potato onion cucumber eggplant mushroom avocado hot_pepper=pepper tomato',
  food: 'pizza hamburger=burger taco cookie doughnut=donut birthday=cake croissant egg sandwich pretzel waffle bagel',
  vehicle:
    'car bus taxi truck tractor bike train tram ambulance helicopter airplane=plane rocket ship boat ' +
    'motor_scooter=scooter canoe',
  building: 'house school hospital hotel bank church european_castle=castle tent factory mosque',
  clothing: 'shirt dress necktie=tie tophat=hat crown boot mans_shoe=shoe coat scarf kimono handbag=bag ring',
  tool: 'hammer wrench axe carpentry_saw=saw key lock magnet ladder screwdriver pencil2=pencil hocho=knife spoon broom',
  instrument: 'guitar violin trumpet drum_with_drumsticks=drum saxophone harp banjo flute musical_keyboard=piano bell',
  plant: 'deciduous_tree=tree cactus rose tulip sunflower maple_leaf=leaf four_leaf_clover=clover palm_tree=palm',
  sky: 'sunny=sun crescent_moon=moon star cloud rainbow snowflake comet ringed_planet=planet tornado',
  toy: 'soccer=football basketball baseball volleyball kite skateboard sled balloon teddy_bear=teddy yo-yo=yoyo gift',
  device: 'computer iphone=phone camera tv radio printer keyboard watch bulb battery microscope telescope joystick',
  furniture: 'chair bed door toilet bathtub=bath couch_and_lamp=sofa candle mirror window',
} as const;

export type Category = keyof typeof CATEGORIES;

export interface Concept {
  /** in emoji-datasource */
  readonly shortName: string;
  readonly noun: string;
  readonly category: Category;
}

/**
 * All of them, category after category in turn (dog, apple, carrot, …, cat, pear, …), so that the first n are a fair
 * choice for every n.
 */
export const CONCEPTS: readonly Concept[] = (() => {
  const columns = Object.entries(CATEGORIES).map(([category, names]) =>
    names.split(' ').map((entry): Concept => {
      const [shortName, noun] = entry.split('=') as [string, string?];
      return { shortName, noun: noun ?? shortName, category: category as Category };
    }),
  );
  const longest = Math.max(...columns.map((column) => column.length));
  return Array.from({ length: longest }, (_, i) => columns.flatMap((column) => column.slice(i, i + 1))).flat();
})();
